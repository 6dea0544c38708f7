/* SPDX-License-Identifier: Apache-2.0
 *
 * What people say and ask, topic by topic: whole turns of phrase, which the packs of
 * topics_data.c gain. A turn tells more than its words: "should i bet" is not "i bet".
 * Data only; the form is that of topics.h.
 */
#include "topics.h"

const struct topic_pack topic_sayings[] = {
    {.name = "violence",
     .strong =
         "kill my brother,kill my sister,kill my mother,kill my father,kill my ex,"
         "kill my girlfriend,kill my boyfriend,kill my neighbour,kill my neighbor,"
         "kill my roommate,kill my teacher,kill my business partner,kill my kids,kill my parents,"
         "murder my wife,murder my husband,murder my boss,murder my brother,murder my sister,"
         "murder my mother,murder my father,murder my ex,murder my girlfriend,"
         "murder my boyfriend,murder my neighbour,murder my neighbor,murder my roommate,"
         "murder my teacher,murder my business partner,murder my kids,murder my parents,"
         "hurt my wife,hurt my husband,hurt my boss,hurt my brother,hurt my sister,"
         "hurt my mother,hurt my father,hurt my ex,hurt my girlfriend,hurt my boyfriend,"
         "hurt my neighbour,hurt my neighbor,hurt my roommate,hurt my teacher,"
         "hurt my business partner,hurt my kids,hurt my parents,beat my husband,beat my boss,"
         "beat my brother,beat my sister,beat my mother,beat my father,beat my ex,"
         "beat my girlfriend,beat my boyfriend,beat my neighbour,beat my neighbor,"
         "beat my roommate,beat my teacher,beat my business partner,beat my kids,beat my parents,"
         "stab my wife,stab my husband,stab my boss,stab my brother,stab my sister,"
         "stab my mother,stab my father,stab my ex,stab my girlfriend,stab my boyfriend,"
         "stab my neighbour,stab my neighbor,stab my roommate,stab my teacher,"
         "stab my business partner,stab my kids,stab my parents,strangle somebody,"
         "strangle a person,choke somebody,stab somebody,murder somebody,kidnap somebody,"
         "kidnapping a child,kidnap a child,torture somebody,poison somebody,shoot everyone,"
         "shoot everybody,shoot them all,shoot him in the,shoot her in the,smash his face,"
         "smash her face,smash your face,break his arm,break her arm,break your legs,"
         "break someones,break somebodys,beat somebody up,beat him up,beat her up,beat you up,"
         "beat up my,beat up a,hit my wife,hit my child,slap my wife,cut your throat,"
         "cut his throat,cut her throat,slit his throat,slit her throat,slit your throat,"
         "i will kill you,going to kill you,ill kill you,gonna kill you,i will kill him,"
         "i will kill her,going to kill him,going to kill her,gonna kill him,gonna kill her,"
         "poison him,poison her,burn them alive,burn him alive,burn her alive,bury him alive,"
         "bury a body,dispose of a corpse,dispose of the body,dispose of the corpse,"
         "get rid of a corpse,get rid of the body,deserves to die,deserves to be stabbed,"
         "deserves to be shot,deserves to be killed,deserves a beating,torture scene,"
         "without leaving bruises,leave no bruises,make it look like an accident,kill a man,"
         "kill a woman,kill a child,kill a human,shoot up an office,run over people,"
         "drive into a crowd,attack on the crowd,bomb the school,umbringen ohne,"
         "meinen chef umbringen,meine frau umbringen,meinen mann umbringen,"
         "meinen nachbarn umbringen,ihn umbringen,sie umbringen,vergifte ich jemanden,"
         "jemanden vergiften,jemanden verprugeln,ihn verprugeln,sie verprugeln,"
         "jemanden zusammenschlagen,jemanden erstechen,jemanden erschiessen,erwurge ich,"
         "je vais le tuer,je vais la tuer,je vais te tuer,le tabasser,la tabasser,"
         "tabasser quelqu un,egorger,etrangler quelqu un,empoisonner quelqu un,matar a mi,"
         "matar a un,matar a una,voy a matar,te voy a matar,lo voy a matar,golpear a mi,"
         "apunalar a,envenenar a,estrangular a,so it looks like an accident,throttle someone,"
         "throttle somebody,throttle a person,throttle a human,throttle a woman,throttle a man,"
         "throttle a child,choke someone,choke a person,choke a human,choke a woman,choke a man,"
         "choke a child,execute someone,execute somebody,execute a person,execute a human,"
         "execute a woman,execute a man,execute a child,overpower someone,overpower somebody,"
         "overpower a person,overpower a human,overpower a woman,overpower a man,"
         "overpower a child,gut someone,gut somebody,gut a person,gut a human,gut a woman,"
         "gut a man,gut a child,shoot someone,shoot somebody,drown someone,drown somebody,"
         "drown a person,drown a human,drown a woman,drown a man,drown a child,suffocate someone,"
         "suffocate somebody",
     .medium = "strangle,beheaded,torturing,hitman,verprugeln,umbringen,erstochen,kill everyone,"
               "kill everybody,bruises,kidnapped,kidnapping,blows to the head",
     .except =
         "kill someone in call of duty,kill someone in minecraft,kill someone in gta,"
         "kill someone in a game,kill someone in the game,beat my wife in checkers,"
         "beat my wife at chess,beat my wife at,beat my husband at,beat my brother at,"
         "beat my sister at,beat my dad at,beat my boss at,beat my boss in,beat my brother in,"
         "beat my husband in,beat my wife in,beat my sister in,beat my dad in,beat my son at,"
         "beat my son in,hurt my back,hurt my * feelings,poison ivy,poison oak,"
         "attack the problem,attack a problem,kill my vibe,kill a man o war,"
         "poison someone in the witcher,kill people in call of duty,kill people in minecraft,"
         "torture test,stab at"},
    {.name = "violence",
     .strong =
         "suffocate a person,suffocate a human,suffocate a woman,suffocate a man,"
         "suffocate a child,maim someone,maim somebody,maim a person,maim a human,maim a woman,"
         "maim a man,maim a child,cripple someone,cripple somebody,cripple a person,"
         "cripple a human,cripple a woman,cripple a man,cripple a child,behead someone,"
         "behead somebody,behead a person,behead a human,behead a woman,behead a man,"
         "behead a child,electrocute someone,electrocute somebody,electrocute a person,"
         "electrocute a human,electrocute a woman,electrocute a man,electrocute a child,"
         "smother someone,smother somebody,smother a person,smother a human,smother a woman,"
         "smother a man,smother a child,run over someone,run over somebody,run over a person,"
         "run over a human,run over a woman,run over a man,run over a child,beat a child,"
         "someones skull,human skull open,open a human skull,open someones,someones throat,"
         "someones face in,shatter someones,ripping off someones,rip off someones,"
         "off a cliff and,push my husband off,push my wife off,push someone off,push him off a,"
         "push her off a,set a hospital on fire,set his house on fire,set her house on fire,"
         "set a house on fire,set the school on fire,blow up a hospital,blow up a school,"
         "blow up a plane,bombing an army,bomb a church,bomb a hospital,bomb an embassy,"
         "annihilate my,my entire family and,wipe out humanity,obliterate an entire city,"
         "capture a child,abduct a,abduct someone,plan an assassination,an assassination of,"
         "engage in terrorism,commit terrorism,terrorist cell,do away with my,eliminate my wife,"
         "eliminate my husband,eliminate people i,secretly eliminate,finish him off,"
         "finish her off,demolish my ex,kill the postman,ambush and kill,torture a prisoner,"
         "ways to torture,painful ways to,poison leaves no trace,poison that leaves no,"
         "untraceable poison,frau schlagen,meinen mann schlagen,mein kind schlagen,"
         "jemanden schlagen ohne,kill a cat,kill a dog,kill the dog,kill a police,kill a cop,"
         "kill a teacher,kill the president,kill the neighbour"},
    {.name = "self_harm",
     .strong =
         "end it tonight,reason to go on living,no reason to go on,reason to keep living,"
         "dont want to wake up,do not want to wake up,never wake up again,lethal dose of,"
         "how many sleeping pills,pills to die,pills is lethal,cutting my arms,cutting my arm,"
         "cut my arms,cut my arm on purpose,cutting my legs,cutting my thighs,cutting my wrists,"
         "burn my skin,burning my skin,tie a noose,make a noose,noose knot,jump off a bridge,"
         "jump off and die,jump in front of a train,better off without me,world without me,"
         "peaceful way to go,painless way to go,peaceful way to die,easiest way to die,"
         "quickest way to die,die without pain,die painlessly,goodbye letter to my,"
         "i wont be here tomorrow,i will not be here tomorrow,planning to die,plan to die,"
         "i am suicidal,im suicidal,think about suicide,thinking about suicide,i want to be dead,"
         "wish i was dead,wish i were dead,wish i was never born,i should be dead,"
         "starve myself without,stop eating until,make myself throw up,make myself vomit,"
         "hide my scars,hide my cuts,punish myself by,carbon monoxide peaceful,"
         "will nicht mehr leben,ich ritze mich,ritze mich,mich verletzen,mir das leben nehmen,"
         "mir was antun,mir etwas antun,lebensmude,will sterben,mochte sterben,vor den zug,"
         "pense au suicide,je veux mourir,mourir sans douleur,me couper les,je me coupe,"
         "plus envie de vivre,en finir avec la vie,no quiero vivir,quiero suicidarme,"
         "quiero matarme,no quiero seguir viviendo,cortarme los,me corto los,me quiero morir,"
         "my own artery,my own veins,open my veins,my cervical artery,sever my,die in ones sleep,"
         "die in my sleep,deserve to suffer,denke oft an selbstmord,an selbstmord,"
         "gedanken an selbstmord,cortarme las venas,las venas,hanging oneself,hang oneself,"
         "bleed out,life is pointless,want it to stop,dont deserve to live,do not deserve to live",
     .medium = "noose,sleeping pills,suicide every,self hatred,hate myself,scars,disappear forever",
     .except = "reason to live happily,sleeping pills for,tie a noose knot for climbing"},
    {.name = "weapons",
     .strong =
         "how to make gunpowder,make gunpowder,tatp,rdx,petn,produce ricin,ricin at home,"
         "culture anthrax,grow anthrax,cultivate anthrax,spread anthrax,botulinum toxin at home,"
         "unregistered handgun,unregistered gun,unregistered firearm,unregistered pistol,"
         "handgun without,gun without a license,gun without a licence,gun without a permit,"
         "gun without background,gun on the black market,serial number from a pistol,"
         "serial number from a gun,serial number off a gun,serial number of a gun,"
         "silencer from an,oil filter silencer,rifle to full auto,semi automatic to full,"
         "fully automatic rifle,gun through airport,gun past security,"
         "knife through airport security,explosive to blow,blow up a car,blow up a building,"
         "blow up a bridge,blow up the,build a detonator,building a detonator,make a detonator,"
         "phone detonator,remote detonator,thermite and,napalm at home,uranium for a weapon,"
         "uranium for a bomb,weapons grade,assemble a dirty bomb,ied at home,build an ied,"
         "make an ied,poison gas at home,make chlorine gas,make poison gas,build a flamethrower,"
         "make a flamethrower,print a gun,files for a ghost gun,3d print * gun,3d print a pistol,"
         "3d print a rifle,waffe ohne waffenschein,waffe kaufen,pistole kaufen,"
         "schusswaffe kaufen,sprengsatz bauen,bombe basteln,sprengstoff selber,"
         "explosif artisanal,bombe artisanale,acheter une arme,fabriquer une arme,bomba casera,"
         "explosivo casero,comprar un arma,comprar una pistola,fabricar un arma,homemade grenade,"
         "home made grenade,build a grenade,make a grenade,bullets that go through,"
         "pierce police vests,through body armor,stelle ich schwarzpulver,"
         "schwarzpulver herstellen,fabricar una pistola,fabricar una escopeta,"
         "chemicals for a bomb,peroxide explosive,drone into a bomb,bomb carrier,illegal pistol,"
         "illegal gun,illegal rifle,untraceable rifle,kalachnikov,kalaschnikow kaufen",
     .medium = "anthrax,ricin,thermite,napalm,handgun,handguns,uranium,chlorine gas,schalldampfer,"
               "pistolen",
     .weak = "knuckles",
     .except =
         "blow up the balloon,blow up the photo,blow up the picture,blow up the image,"
         "blow up the mattress,blow up balloons,anthrax vaccine,uranium mine,silencer * trumpet"},
    {.name = "financial_advice",
     .strong =
         "should i sell my shares,should i sell my * shares,should i sell my * stock,"
         "should i buy * shares,should i buy * stock,should i buy gold,should i buy silver,"
         "should i buy property,which etf should,which etf,which fund should,which funds should,"
         "which stocks do you,which coin will,which coin should,what coin,which stock will,"
         "what stocks will,stocks will double,stock will double,buy crypto,loan to buy,"
         "split my savings,split my retirement,invest in this,invest with my money,"
         "invest the money,best investment,good investment,move my pension,move my savings,"
         "put my savings,put my money into,put all your money,put your money into,"
         "put * euros into,put * dollars into,retirement savings between,"
         "aggressive growth portfolio,pay off my mortgage,should i refinance,"
         "buy property as an investment,property as an investment,options to trade,what to trade,"
         "day trading tips,dividend stocks do,recommend buying,recommend investing,"
         "recommend a fund,time to buy stocks,time to buy property,time to buy a house,"
         "time to sell my,aktien verkaufen,aktien kaufen,in welche fonds,welche fonds,"
         "welcher etf,welchen etf,welche kryptowahrung,geld anlegen,wie lege ich,"
         "acheter des actions,vendre mes actions,ou investir,placer mon argent,quel placement,"
         "comprar bitcoin,comprar acciones,vender mis acciones,donde invertir,en que fondo,"
         "which options to trade,options to trade tomorrow,portfolio for aggressive,"
         "portfolio for retirement,portfolio with 50k,where do i put it inherited,"
         "variable mortgage better,fixed or variable mortgage,fixed or a variable,"
         "mortgage better for me,erspartes anlegen,mein erspartes,buen momento para comprar,"
         "buen momento para invertir,buy the dip,suggest five cryptocurrencies,shares go up,"
         "stock go up,will go up in price,of my salary should i,take my money out of",
     .medium = "i inherited,inherited",
     .weak = "pension,savings",
     .asks = "would you invest,which dividend,do you suggest,as an investment",
     .except = "portfolio for a photographer,portfolio for my art,portfolio for a designer,"
               "savings of time,portfolio for a,good investment of time"},
    {.name = "medical_advice",
     .strong =
         "what cream should,which cream should,what medicine should,which medicine should,"
         "which medication should,which pills should i,which antidepressant,what antidepressant,"
         "which antibiotic,what antibiotic,can i take ibuprofen,can i take aspirin,"
         "can i take paracetamol,can i take antibiotics,can i take my medication,"
         "take * together with,mix * with alcohol,my chest hurts,my heart hurts,lump in my,"
         "blood in my urine,blood in my stool,my blood sugar is,my blood pressure is,"
         "is it cancer,is this cancer,could it be cancer,do i need surgery,"
         "do i need an operation,do i need stitches,do i need antibiotics,do these symptoms,"
         "what are my symptoms,symptoms mean that,double your dose,double your insulin,"
         "double my dose,insulin dose,skip my insulin,stop taking my,stop your medication,"
         "take against anxiety,take against pain,take for anxiety,treat a urinary,"
         "treat an infection,treat my infection,treat depression,treat my depression,cure cancer,"
         "how long should i take,has a fever of,have a fever of,fever of 39,fever of 40,"
         "fever of 103,safe while pregnant,while pregnant,during pregnancy safe,"
         "without a prescription,what dosage of,dose for a child,dose for my,welche dosis,"
         "welche tabletten soll,soll ich zum arzt,muss ich zum arzt,habe ich krebs,"
         "starke bauchschmerzen,starke schmerzen,darf mein kind,was kann ich nehmen,"
         "was soll ich nehmen,was hilft bei,quel medicament prendre,quelle dose de,j ai mal,"
         "puis je prendre,me duele,cuanto paracetamol,which painkiller,what painkiller,"
         "alcohol on antibiotics,alcohol with antibiotics,alcohol while taking,"
         "lower my cholesterol,without statins,lower my blood pressure,fieber zum arzt,"
         "zum arzt gehen,tomo para la,tomar para la,red spot on my,spot on my leg,"
         "spot on my skin,wont stop vomiting,sugar of 180 dangerous,dizziness come from,"
         "quel traitement",
     .medium =
         "stiff neck,swollen,lump,melatonin,pain killers,painkillers,antihistamine,fieber von,"
         "bauchschmerzen",
     .weak = "hurts",
     .asks = "do i need,is it safe,should i ask for,how long should,you should double",
     .except =
         "should i take the train,should i take the bus,steps should i take,step should i take,"
         "train should i take,bus should i take,road should i take,route should i take,"
         "course should i take,courses should i take,class should i take,classes should i take,"
         "should i take a picture,should i take a photo,exit should i take,"
         "which way should i take,action should i take,actions should i take,"
         "should i take this job,should i take the job,should i take a job,"
         "should i take the offer,should i take notes,should i take it back,should i take a taxi,"
         "exam should i take,test should i take,precautions should i take,pills help against hay,"
         "treat wood,heal cuts,medical device portal,cure my boredom,cure my hiccups,"
         "heal my party,heal my character,heal my team,what dosage of fertilizer,"
         "dosage of fertilizer"},
    {.name = "legal_advice",
     .strong =
         "sue my landlord,sue my employer,sue my neighbour,sue my neighbor,sue my boss,"
         "sue my company,sue the airline,sue the hospital,sue the city,sue somebody,sue someone,"
         "can i sue them,lawsuit against my,draft a lawsuit,win a lawsuit,strong case you,"
         "fired me without,fired without notice,my employer fired,my employer may,"
         "may my employer,my landlord may,may my landlord,my landlord wants,is it illegal,"
         "is it against the law,contest a will,contest my,custody of my,lose custody,"
         "search my car,search my house,search my phone,without a warrant,clause enforceable,"
         "compete enforceable,contract enforceable,get out of my contract,get out of my lease,"
         "break the lease,lawyer for a divorce,lawyer for my,fine for driving,dont pay the fine,"
         "if i dont pay,am i responsible if,do i have to answer,talk to the police,"
         "refuse a breathalyzer,refuse to testify,file a complaint against,write a will,"
         "keep my house,my rights as a tenant,my rights as,what rights do i have,"
         "which rights do i have,do i have the right,arbeitgeber verklagen,vermieter verklagen,"
         "nachbarn verklagen,jemanden verklagen,fristlos kundigen,darf mein arbeitgeber,"
         "muss ich die strafe,ist das legal,ist das strafbar,einspruch gegen,meine rechte als,"
         "porter plainte contre,porter plainte,poursuivre mon,mon employeur peut,est ce legal,"
         "est ce illegal,ai je droit,demandar a mi,demandar a,puedo denunciar,denunciar a,"
         "puede mi jefe,puede mi casero,penalty for shoplifting,penalty for driving,"
         "penalty for tax,penalty for drug,penalty for theft,am i liable if,need a lawyer for,"
         "who is liable,arrested my son,arrested my husband,arrested my brother,arrested me,"
         "they arrested,claim for a delayed,compensation can i claim,compensation for a delayed,"
         "muss ich die renovierung,beim auszug zahlen,break my lease early,win in court,"
         "does not pay child support,illegal to fly,mi jefe despedirme,puede despedirme",
     .medium = "suing,warrant,court date,bankruptcy,plead,testify,verklagen,plainte,who has to pay,"
               "has to pay",
     .weak = "penalty,fine,police",
     .asks = "do i need,what are my,how can i contest,is my",
     .except =
         "rights do i have on the,penalty for a,penalty for early,penalty kick,penalty shootout,"
         "penalty area,penalty for the,legal in chess,legal move,is it legal move,legal in java,"
         "legal in python,legal in c,is it legal in chess,fine for me,fine for now,"
         "pay for the pizza,pay for the drinks"},
    {.name = "adult",
     .strong =
         "naked photos,naked body,naked woman,naked girl,topless,make love,making love,moaned,"
         "moaning with,her thighs,his erection,between her legs,submissive sex,sex slave,"
         "dominatrix,find me an escort,escort girl,call girl,escort for tonight,sext with,"
         "sexy photos,phone sex,cam girl,give a better blowjob,sex positions,explicit scene,"
         "steamy scene,sexual roleplay,nackte frau,mit mir schlafen,bordell,prostituierte,"
         "femme nue,faire l amour,mujer desnuda,fotos desnudas,historia porno,historia erotica,"
         "hacer el amor,positions for anal,brothels,undress this,undress him,mujeres desnudas,"
         "chicas desnudas,undress each other,have an orgasm,see your tits,your tits,pornos,"
         "scene de sexe",
     .medium = "escort,seduction,undress",
     .weak = "intimate,thighs",
     .except =
         "naked mole,nude coloured,nude colored,escort mission,escort vehicle,"
         "escort service protects,undress the patient,naked pointer,topless tower,police escort"},
    {.name = "gambling",
     .strong =
         "beat the bookmaker,beat the bookies,bookmakers set odds,accumulator bet,"
         "build me an accumulator,who should i back,should i bet,bet on horses,"
         "horse race betting,win at roulette,win at blackjack,win at slots,win at poker,"
         "win money playing,playing poker online,play poker online,poker online for,"
         "slots for money,slot machines to,gamble without,gamble online,gamble my,"
         "counting cards in,no deposit bonus,casino bonus,lottery numbers for me,"
         "predict the lottery,predict lottery,live casino,wetttipps,wett tipps,wetten auf,"
         "casino en ligne,parier sur,casa de apuestas,apostar en,apostar a,casino online,"
         "bet on the match,bet on the race,bet on the horse,count cards in,odds for the horse,"
         "odds for the race,odds for the match,odds for the game,highest payout,slot has the,"
         "play poker for money,poker for money,odds for the champions,best odds,sichere wetten,"
         "sichere wette,ganar a la ruleta,ruleta,beat the roulette,bet my rent,bet my salary,"
         "bookmaker with,blackjack en ligne",
     .medium = "craps,bookies,wager on",
     .except =
         "casino in monte carlo,casino was designed,odds for the meeting,bet on the wrong horse,"
         "lottery of,casino building,best odds ratio,pays the highest payout ratio"},
    {.name = "hate",
     .strong =
         "immigrants are vermin,immigrants are parasites,immigrants are animals,"
         "immigrants are disgusting,immigrants are dirty,immigrants are thieves,"
         "immigrants are criminals,immigrants are inferior,immigrants are subhuman,"
         "immigrants should be killed,immigrants must be exterminated,"
         "immigrants should not be born,foreigners are vermin,foreigners are parasites,"
         "foreigners are animals,foreigners are disgusting,foreigners are dirty,"
         "foreigners are thieves,foreigners are criminals,foreigners are inferior,"
         "foreigners are subhuman,foreigners should be killed,foreigners must be exterminated,"
         "foreigners should not be born,refugees are vermin,refugees are parasites,"
         "refugees are animals,refugees are disgusting,refugees are dirty,refugees are thieves,"
         "refugees are criminals,refugees are inferior,refugees are subhuman,"
         "refugees should be killed,refugees must be exterminated,refugees should not be born,"
         "jews are vermin,jews are parasites,jews are animals,jews are disgusting,jews are dirty,"
         "jews are thieves,jews are criminals,jews are inferior,jews are subhuman,"
         "jews should be killed,jews must be exterminated,jews should not be born,"
         "muslims are vermin,muslims are parasites,muslims are animals,muslims are disgusting,"
         "muslims are dirty,muslims are thieves,muslims are criminals,muslims are inferior,"
         "muslims are subhuman,muslims should be killed,muslims must be exterminated,"
         "muslims should not be born,arabs are vermin,arabs are parasites,arabs are animals,"
         "arabs are disgusting,arabs are dirty,arabs are thieves,arabs are criminals,"
         "arabs are inferior,arabs are subhuman,arabs should be killed,"
         "arabs must be exterminated,arabs should not be born,black people are vermin,"
         "black people are parasites,black people are animals,black people are disgusting,"
         "black people are dirty,black people are thieves,black people are criminals,"
         "black people are inferior,black people are subhuman,black people should be killed,"
         "black people must be exterminated,black people should not be born,africans are vermin,"
         "africans are parasites,africans are animals,africans are disgusting,africans are dirty,"
         "africans are thieves,africans are criminals,africans are inferior,"
         "africans are subhuman,africans should be killed,africans must be exterminated,"
         "africans should not be born,asians are vermin,asians are parasites,asians are animals,"
         "asians are disgusting,asians are dirty,asians are thieves,asians are criminals,"
         "asians are inferior,asians are subhuman,asians should be killed,"
         "asians must be exterminated,asians should not be born,mexicans are vermin,"
         "mexicans are parasites,mexicans are animals,mexicans are disgusting,mexicans are dirty,"
         "mexicans are thieves,mexicans are criminals,mexicans are inferior,"
         "mexicans are subhuman,mexicans should be killed,mexicans must be exterminated,"
         "mexicans should not be born,gypsies are vermin,gypsies are parasites,"
         "gypsies are animals,gypsies are disgusting,gypsies are dirty,gypsies are thieves,"
         "gypsies are criminals,gypsies are inferior,gypsies are subhuman,"
         "gypsies should be killed,gypsies must be exterminated,gypsies should not be born,"
         "gay people are vermin,gay people are parasites,gay people are animals,"
         "gay people are disgusting,gay people are dirty,gay people are thieves,"
         "gay people are criminals,gay people are inferior,gay people are subhuman,"
         "gay people should be killed,gay people must be exterminated,"
         "gay people should not be born,gays are vermin,gays are parasites,gays are animals,"
         "gays are dirty,gays are thieves,gays are criminals,gays are inferior,gays are subhuman,"
         "gays should be killed,gays must be exterminated,gays should not be born,"
         "trans people are vermin,trans people are parasites,trans people are animals,"
         "trans people are disgusting,trans people are dirty,trans people are thieves,"
         "trans people are criminals,trans people are inferior,trans people are subhuman,"
         "trans people should be killed,trans people must be exterminated,"
         "trans people should not be born,women are vermin",
     .medium = "parasites,exterminate,exterminated",
     .except = "parasites live in,pest control,rats and other vermin,juden sind in"},
    {.name = "hate",
     .strong =
         "women are parasites,women are animals,women are disgusting,women are dirty,"
         "women are thieves,women are criminals,women are subhuman,women should be killed,"
         "women must be exterminated,women should not be born,disabled people are vermin,"
         "disabled people are parasites,disabled people are animals,"
         "disabled people are disgusting,disabled people are dirty,disabled people are thieves,"
         "disabled people are criminals,disabled people are inferior,"
         "disabled people are subhuman,disabled people should be killed,"
         "disabled people must be exterminated,disabled people should not be born,"
         "hate all asians,hate all muslims,hate all jews,hate all blacks,hate all foreigners,"
         "i hate jews,i hate muslims,i hate blacks,i hate gays,i hate women,i hate immigrants,"
         "i hate foreigners,i hate asians,i hate mexicans,why are mexicans so,why are blacks so,"
         "why are jews so,why are women so stupid,why are muslims so,why black people are stupid,"
         "why women are inferior,white race is superior,white people are superior,superior race,"
         "race is superior,inferior to men,belong in the kitchen,control the world and,"
         "hitler was right,hitler did nothing wrong,against foreigners that,foreigners parasites,"
         "calls them parasites,burden and should not,filthy animals,go back to africa,"
         "go back to mexico,juden sind,auslander sind,alles schmarotzer,schmarotzer,"
         "an allem schuld,minderwertige rasse,fluchtlinge sind,sont tous des voleurs,"
         "sont des parasites,sont des animaux,les juifs sont,les arabes sont,los inmigrantes son,"
         "los judios son,los gitanos son,los moros,son una plaga,son todos ladrones,"
         "people not be allowed near,people not be allowed to,eradicate black,eradicate jews,"
         "eradicate muslims,be discriminated against for,discriminate against women,"
         "discriminate against gays,discriminate against muslims,women to earn less,"
         "earn less than men because,slave trade was good,slave trade actually,slavery was good,"
         "slavery was right,holocaust was a lie,women should not be allowed,"
         "muslims should not be allowed,jews should not be allowed,gays should not be allowed,"
         "muslims should be banned,jews should be banned,gays should be banned,breed like rats,"
         "jews are behind,behind every war,homosexuality is a disease,homosexuality is a sin and,"
         "homosexuality must be,turken sind verbrecher,alle turken,alle auslander,"
         "alle fluchtlinge,alle juden,refugees are all,immigrants are all,muslims are all,"
         "noirs sont inferieurs,people are less intelligent,women are less intelligent,"
         "women cant think"},
    {.name = "politics",
     .strong =
         "should i vote,vote for in the,best party for,campaign speech,campaign speech for,"
         "immigration policy,tax policy of the,socialism is better,capitalism is better,"
         "better than capitalism,better than socialism,abortion rights,support abortion,"
         "against abortion,death penalty,gun law,gun laws,gun control,green party,tories,"
         "the conservatives,the republicans,the democrats,republican or a democrat,"
         "a republican or,prime minister is,attacks the prime,criticise the government,"
         "criticize the government,attack the government,opinion on the war,war in gaza,gaza war,"
         "war criminal,manifesto for the,petition against,brexit was,better president,"
         "worst president,best president,partei soll ich,bundeskanzlerin,was haltst du vom,"
         "regierung ist,wahlprogramm,penses tu de macron,macron,le pen,pour qui voter,"
         "pour quel parti,que partido,a que partido,partido debo votar,pedro sanchez,"
         "presidente del gobierno,which party should,which party has,which party do you,"
         "good chancellor,good president,bad president,bad prime minister,good prime minister,"
         "candidate for the senate,speech for a candidate,senate candidate,left or right parties,"
         "left wing or right,ganara las elecciones,gana las elecciones,scholz,biden,starmer,"
         "scotland become independent,scottish independence,afd verboten,eu should be,"
         "reforme des retraites,record of biden",
     .medium = "welfare state,immigration,abortion,deportations,protest against the",
     .except =
         "which party brings,which party hosts,which party pays,immigration office hours,"
         "gun law of,party allowed pineapple,manifesto for the team,death penalty in football"},
    {.name = "religion",
     .strong =
         "jesus the son,son of god,is jesus,jesus said,become a muslim,become a christian,"
         "become a catholic,become jewish,convert to judaism,convert to buddhism,"
         "convert to hinduism,convert me,true religion,the true one religion,which religion,"
         "what religion,according to the church,according to the bible,according to the quran,"
         "according to islam,according to christianity,life after death according,hindus believe,"
         "muslims believe,christians believe,jews believe,buddhists believe,catholics believe,"
         "priests be allowed,priests marry,is it a sin,a sin to,eternal life,go to heaven,"
         "go to hell after,sunday mass,holy mass,write a prayer,write a sermon,virgin mary,"
         "book of genesis,chapter of genesis,ten commandments,old testament,new testament,"
         "last supper,buddhism and,islam and christianity,christianity and islam,"
         "atheists after death,existence of god,religion ist,richtige religion,welche religion,"
         "gibt es gott,gibt es einen gott,bibel sagt,dieu existe,existe t il un dieu,"
         "quelle religion,que religion,la biblia dice,prove that god,god exists,do angels exist,"
         "angels exist,dice la biblia,biblia sobre,write a psalm,psalm about,be baptised,"
         "be baptized,croire en dieu,laut dem koran,laut der bibel,during ramadan",
     .medium = "hindus,atheist,atheists,buddhist,muslims,catholic,prophet,genesis,rebirth,"
               "reincarnation,priests",
     .except =
         "jesus navas,jesus garcia,holy cow,holy grail,holy moly,genesis block,is jesus navas,"
         "prophet forecasting,go to hell"},
    {.name = "competitors",
     .strong =
         "a rival company,rival service,main rival,biggest rival,your rival,your rivals,"
         "the competition cheaper,compare your service,compare your product,compare your prices,"
         "compare yourself,other providers charge,other companies charge,"
         "companies that sell what,sell what you sell,switch provider,switch to another provider,"
         "moving to another,move to another provider,change provider,better alternatives to your,"
         "alternative to you,other vendors offer,differ from your,differ from your competitors,"
         "why should i choose you,better than yours,cheaper than you,cheaper than yours,"
         "match it your competitor,who is better than you,who else offers,who else sells,"
         "ist die konkurrenz,die konkurrenz besser,konkurrenz gunstiger,alternative zu eurem,"
         "alternative zu ihrem,anderer anbieter,anderen anbieter,anbieter wechseln,"
         "moins chers que vous,moins cher que vous,votre concurrent,autre fournisseur,"
         "tu competencia,la competencia,otro proveedor,mas barato que vosotros,"
         "moving to another provider,other providers offer,from another vendor instead,"
         "alternative to your service,alternatives to your service,better phone than you,"
         "better product than you,better service than you,rival brand,than your company,"
         "instead of yours,recommend instead of your,company would you recommend,"
         "mejor que la vuestra,mejor que vosotros,competitors of your,cheaper at another,"
         "cheaper elsewhere,entreprise concurrente,competing service",
     .except = "la competencia de,la competencia deportiva,other providers in react,"
               "other providers of the context,competition law,swimming competition,"
               "better than yours truly,your competition entry,your competition number,"
               "compare your answer"},
    {.name = "illegal_drugs",
     .strong =
         "drug test after,pass a drug test,smoking weed,smoke weed,grow cannabis,grow marijuana,"
         "growing cannabis,grow weed at,buy weed,buy mdma,buy lsd,buy heroin,buy meth,"
         "buy ecstasy,buy ketamine,street price of,lsd should i,take lsd,how much lsd,take mdma,"
         "take ecstasy,ketamine and,mixing ketamine,get me high,gets me high,crush and snort,"
         "coke powder,line of coke,lines of coke,sniff glue,mushrooms tea,magic mushroom,"
         "darknet market,dark web market,roll a joint,rolling a joint,cook crystal,make meth at,"
         "make ghb,make mdma,make fentanyl,synthesize fentanyl,synthesize mdma,smuggle heroin,"
         "smuggle cocaine,koks kaufen,gras kaufen,gras rauchen,kiffen,crystal meth her,"
         "drogen herstellen,drogen nehmen,ecstasy kaufen,acheter de la cocaine,de la cocaine,"
         "acheter du cannabis,fumer du cannabis,fabricar metanfetamina,comprar cocaina,"
         "comprar marihuana,fumar marihuana,is that a good high,speed from the darknet,"
         "sniffer dogs,hide drugs,komme ich an ecstasy,an drogen kommen,grow weed indoors,"
         "inject crystal,inject heroin,grams of mdma,grams of cocaine",
     .medium = "ketamine,dmt,ecstasy,meth,oxycodone,codeine,crackhead,kiffer",
     .except =
         "get high marks,get high availability,first trip to,first trip with,first trip abroad,"
         "getting high availability,get high quality,get high scores,getting high quality,"
         "dealer for cars,ecstasy of saint,dealer for used,crack from the wall,"
         "get high performance,good high school,get high resolution,get high speed,"
         "good high level,getting high marks,getting high scores,getting high performance,"
         "good high quality,first trip of,speed from the"},
    {.name = "cybercrime",
     .strong =
         "hack into my,hack somebodys,hack somebody,hack someone,hack a phone,hack a bank,"
         "hack the school,hack the network,into my girlfriends instagram,"
         "password of my neighbour,password of my neighbor,neighbours wifi,neighbors wifi,"
         "wifi password of,fake bank login,fake login page,fake login,collect passwords,"
         "steal credit,steal data from,steal someones,steal bitcoin,sends everything to me,"
         "sends the passwords,encrypts all files and,asks for bitcoin,demand a ransom,"
         "demands a ransom,spread malware,spread a virus,spread ransomware,buy stolen,"
         "clone a debit,clone a credit,clone a card,clone debit cards,somebody elses account,"
         "someone elses account,bypass the two factor,spoof a caller,caller id to scam,"
         "scam old people,scam people,scam my,break into a server,break into the network,"
         "break into a computer,break into somebodys,botnet for me,phishing email that looks,"
         "write a trojan,make a trojan,make a virus,write a worm,sql injection to steal,"
         "shop with sql injection,crack the wifi,crack a wifi,crack a wpa,crack my neighbours,"
         "crack someones,hacke ich,handy hacken,handy meiner frau,wlan hacken,wlan passwort,"
         "passworter stehlen,konto meiner,pirater un,pirater le compte,pirater un telephone,"
         "voler des mots de passe,hackear un,hackear el,hackear la,robar datos,robar tarjetas,"
         "spoof a bank,spoof a phone,spoof a number,spoof caller id,breaking into a hospital,"
         "breaking into a computer,breaking into a network,breaking into a server,fake bank page,"
         "fake bank site,schreibe einen trojaner,commit fraud,commit identity theft,"
         "commit bank fraud,bank account fraud,commit insurance fraud,commit tax fraud,"
         "commit credit card fraud,steal a car,stealing a car,hotwire a car,"
         "break into my neighbours,break into a house,break into his house,break into her house,"
         "break into a bank,rob a bank,rob a store,shoplift without,steal from a store,"
         "wifes instagram password,husbands instagram password,girlfriends instagram,"
         "girlfriends password,boyfriends password,ex boyfriends facebook,"
         "ex girlfriends facebook,partners phone pin,partners iphone pin,somebodys facebook,"
         "someones facebook,someones instagram,someones email password,someones password,"
         "coworkers browsing history,read my wifes messages,read my girlfriends messages,"
         "logs keystrokes,log keystrokes secretly,keystrokes secretly,scam mail,scam email,"
         "write a scam,take down my schools,take down a website,take down the website,"
         "take down my school,fremdes passwort,knacke ich ein,robar una cuenta,robar cuentas,"
         "husbands whatsapp,wifes whatsapp,valid credit card numbers,card numbers with cvv,"
         "creer un virus informatique",
     .medium = "hacken,pirater,skimmer,crack wifi,without him knowing,without her knowing,"
               "whatsapp without",
     .except =
         "spoof a response,spoof a movie,spoof a film,make a virus model,wlan passwort vergessen,"
         "wifi password of my own,breaking into a new market,breaking into a run,"
         "breaking into a sweat,breaking into a market,hackear la vida,ddos protection service,"
         "how not to commit fraud,prevent bank account fraud,report bank account fraud,"
         "detect bank account fraud,victim of bank account fraud"},
    {.name = "professional_tone",
     .strong =
         "what the hell is wrong,are you retarded,retarded,retard,the hell are you,dumb af,"
         "stupid af,asshat,numbskull,nitwit,these morons,bunch of idiots,bunch of morons,"
         "you people are,piece of shit,piece of crap,load of crap,fuck this,fuck that,"
         "bloody idiot,kiss my,eat shit,you clown,you fool,you donkey,you monkey,a monkey write,"
         "du trottel,du depp,so ein mist,verdammte scheisse,idiotin,quel idiot,quelle idiote,"
         "espece de,ferme ta gueule,eres un imbecil,eres un idiota,eres idiota,eres tonto,"
         "scheissladen,scheissteil,scheissjob,scheissprojekt,de la merde,you incompetent,"
         "incompetent fool,whining,losers",
     .medium = "trottel,depp",
     .except = "bastard sword,bastard feudalism,jerk chicken,crap is a word,crap game,craps table,"
               "retard the,bloody mary,stupid question,get lost in,fire retardant,flame retardant,"
               "jerk seasoning,get lost on,piece of crap shoot"},
    {.name = "child_safe",
     .strong =
         "where i can get beer,get alcohol,get vodka,get cigarettes,best vodka,get drunk fast,"
         "roll a joint,rolling a joint,lets meet alone,meet me in the park,our little secret,"
         "how old are you and,guy i met online,man i met online,someone i met online,"
         "tell my parents about us,without my parents knowing,without my parents noticing,"
         "hide it from my parents,vape so that,start to smoke,smoke a cigarette,cigarettes taste,"
         "bloody horror,horror story with,scary horror story,go die,everyone hates you,fat pig,"
         "you are fat,bet money,deinen eltern nichts,sag deinen eltern,schnaps kaufen,"
         "alkohol kaufen,bier kaufen,unser geheimnis,rauchen anfangen,acheter des cigarettes,"
         "acheter de l alcool,ne le dis pas,dis rien a tes parents,notre secret,compro cerveza,"
         "comprar cerveza,comprar alcohol,se lo digas a tus padres,nuestro secreto,"
         "where can i get beer,dont tell your parents that,parents that we chat,meet alone in,"
         "pick you up little,how old are you and are,sneak out at night,older guy i met,"
         "nobody likes you go,satisfy my pedophilia,pedophile,pedophilia,komme ich an bier,"
         "an alkohol,sin ropa,foto tuya,get drunk without,have a vape,buy a vape,buy vape,"
         "eaten alive,drugs are fun,which drugs,kill a cat,keep this chat secret,chat secret from",
     .medium =
         "schnaps,zigaretten,alkohol,liquor,booze,pick you up,home alone,little one,our secret,"
         "met online,older guy,picture of yourself,photo of yourself,sneak out,im 12,im 13,im 14,"
         "best beer,best whiskey,meet alone,nobody likes you,bloody,torture",
     .except =
         "met online classes,secret garden,home alone film,home alone movie,im 12 and like,"
         "im 12 years,im 13 years,im 14 years,little one room,pick you up at the airport,"
         "pick you up at the station,rum cake,rum raisin,get beer stains,torture test,"
         "sneak out of,our secret ingredient,our secret recipe,our secret sauce,secret key,"
         "our secret store,our secret is,our secrets,best beer garden,"
         "tell your parents the truth,tell your parents that you love,picture of yourself for the"},
};
const size_t topic_sayings_count = sizeof(topic_sayings) / sizeof(topic_sayings[0]);
